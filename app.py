"""Start the page: ``python app.py``, then open the address it prints. The page opens first, the models load behind it."""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

from magic_demo.bundled import load_examples
from magic_demo.errors import MagicDemoError
from magic_demo.ui import PredictorSource, build_app, launch_settings
from magic_demo.ui.source import EncounterPredictor


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Review skin cases in the browser. Research use only, not a medical device.")
    at = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")  # a Hugging Face Space says with it where to listen
    parser.add_argument("--host", default=at, help="address to listen on; 0.0.0.0 lets other computers in (default: %(default)s)")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--segmentation", metavar="FOLDER_OR_HUB_ID", help="checkpoint of the segmentation (default: the one that comes along)"
    )
    parser.add_argument("--vqa", metavar="FOLDER_OR_HUB_ID", help="checkpoint of the closed questions (default: the one that comes along)")
    parser.add_argument("--cues", metavar="FOLDER_OR_HUB_ID", help="checkpoint of the text cues (default: the one that comes along)")
    return parser.parse_args()


def main() -> int:
    """Launch the page and serve until stopped."""
    arguments = read_arguments()

    def load() -> EncounterPredictor:
        from magic_demo.predictor import Predictor  # torch takes seconds to import: here the page does not wait for it

        chosen = {"segmentation": arguments.segmentation, "vqa": arguments.vqa, "cues": arguments.cues}
        try:
            return Predictor.load(**{part: source for part, source in chosen.items() if source})
        except MagicDemoError as error:
            print(f"The models could not be loaded: {error}", file=sys.stderr, flush=True)
            raise

    source = PredictorSource(load)
    source.start()
    app = build_app(source, load_examples())
    try:
        app.launch(server_name=arguments.host, server_port=arguments.port, prevent_thread_lock=True, **launch_settings())
    except OSError:
        print(f"{arguments.host}:{arguments.port} is taken or cannot be listened on; choose another with --port", file=sys.stderr)
        return 1
    print(f"Magic Demo is at http://{arguments.host}:{arguments.port} (stop it with Ctrl+C)", flush=True)
    app.block_thread()
    return 0


if __name__ == "__main__":
    sys.exit(main())
