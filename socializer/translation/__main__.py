"""script/translate"""

import sys

from socializer.translation.catalogue import LOCALE, Catalogue, catalogues
from socializer.translation.messages import django_catalogues


def main(*new_languages):
    """Bring every catalogue up to the code, compile it, and say what is left to translate."""
    for name in new_languages:
        if not django_catalogues(name):
            sys.exit(f"Django does not speak {name}. Write the name of a folder of its own, such as pt_BR.")
    for catalogue in [*catalogues(), *(Catalogue(LOCALE / name) for name in new_languages)]:
        catalogue.bring_up_to_date()
        catalogue.save()
        print(f"{catalogue.language}: {len(catalogue.file)} messages")
        for fault in catalogue.faults():
            print(f"  {fault}")


if __name__ == "__main__":
    main(*sys.argv[1:])
