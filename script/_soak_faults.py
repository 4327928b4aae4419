"""The trial of script/soak-faults. See script/_faults/ and docs/faults.md."""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from _faults.catalogue import CATALOGUE
from _faults.engines import ENGINES
from _faults.judge import Judge
from _faults.trial import BRIEF, LONG, Trial, known


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--minutes", type=float, help=f"for each engine (default: {LONG.minutes})")
    parser.add_argument(
        "--seed", type=int, help="repeats a trial with the same order of faults and actions of people"
    )
    parser.add_argument("--faults", metavar="NAME,NAME", help="try only these; --list shows all names")
    parser.add_argument("--short", action="store_true", help="try a few quick faults, as CI does")
    parser.add_argument("--clients", type=int, help=f"(default: {LONG.clients})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--list", action="store_true", help="print the names of all faults and exit")
    parser.add_argument("--keep", action="store_true", help="keep the scratch folders with all logs")
    return parser.parse_args()


def main():
    chosen = options()
    if chosen.list:
        for fault in CATALOGUE:
            print(f"{fault.name():30} {', '.join(fault.engines)}")
        return
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda *_args: sys.exit("Stopped."))
    seed = chosen.seed if chosen.seed is not None else (1 if chosen.short else int(time.time()))
    engines = list(ENGINES) if chosen.engine == "both" else [chosen.engine]
    results = {engine: trial_of(engine, seed, chosen) for engine in engines}
    if chosen.json:
        chosen.json.write_text(json.dumps({"seed": seed, "engines": results}, indent=1))
    missed = [
        f"{engine}: {v['what']}"
        for engine, result in results.items()
        for v in result["bars"]
        if not v["passed"]
    ]
    print("\nMissed: " + "; ".join(missed) if missed else "\nEvery bar was met.")
    sys.exit(bool(missed))


def trial_of(engine, seed, chosen):
    """Run the trial on one engine, print the result, and return it as JSON-compatible data."""
    form = form_of(chosen)
    # The path is short because PostgreSQL limits the length of its socket's path.
    scratch = Path(tempfile.mkdtemp(prefix="soak-", dir="/tmp"))  # noqa: S108 (this creates a new folder in /tmp)
    scratch.chmod(0o755)
    begin = time.monotonic()
    print(f"\n== {engine}, seed {seed}", flush=True)
    names = chosen.faults.split(",") if chosen.faults else []
    if unknown := set(names) - {fault.name() for fault in CATALOGUE}:
        sys.exit(f"There is no fault called {', '.join(sorted(unknown))}. --list shows all.")
    trial = Trial(
        engine, form, random.Random(seed), scratch, [name for name in names if name in known(engine)]
    )
    try:
        with trial.running():
            trial.run()
            judge = Judge(trial)
            bars, faults = [vars(verdict) for verdict in judge.verdicts()], list(judge.table())
    finally:
        if not chosen.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    print_result(bars, faults)
    print(f"{engine}: {time.monotonic() - begin:.0f} s")
    return {"seconds": round(time.monotonic() - begin), "bars": bars, "faults": faults}


def form_of(chosen):
    from dataclasses import replace

    form = BRIEF if chosen.short else LONG
    changes = {"minutes": chosen.minutes, "clients": chosen.clients}
    changes = {name: value for name, value in changes.items() if value is not None}
    return replace(form, **changes) if changes else form


def print_result(bars, faults):
    columns = ("seconds", "responses", "503", "refused", "wrong", "longest", "recovery")
    print(f"\n{'fault':28}" + "".join(f"{column:>10}" for column in columns))
    for row in faults:
        if "skipped" in row:
            print(f"{row['fault']:28}  skipped, because {row['skipped']}")
        else:
            print(f"{row['fault']:28}" + "".join(f"{row[column]:10}" for column in columns))
    print()
    for bar in bars:
        print(f"{'ok    ' if bar['passed'] else 'MISSED'} {bar['what']}: {bar['value']} (bar: {bar['bar']})")
        if not bar["passed"]:
            for detail in bar["details"][:40]:
                print(f"         {detail}")


if __name__ == "__main__":
    main()
