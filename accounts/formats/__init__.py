"""How dates and times are written, for languages where Django's formats aren't ours. See FORMAT_MODULE_PATH."""
