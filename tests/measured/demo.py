"""Shows the closed loop to a person: `make demo-measured`."""

import sys
from pathlib import Path

from tests.measured.loop import close_the_loop

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    close_the_loop(folder, window_s=1.5, repeats=3, show=lambda text: print(text, flush=True))
    print(f"\nAll files are in {folder}.")
