"""Run notebooks again and compare (`run`), check them without running (`verify`), and report (`report`)."""
