"""`ros2 ckpt ...` is `rmw_ckpt ...`."""

import os
import subprocess

from ros2cli.command import CommandExtension

PATIENCE = 5  # s, for the completion of a word


class CkptCommand(CommandExtension):
    """Nodes under rmw_ckpt: how they are, their snapshots, their recovery."""

    def add_arguments(self, parser, cli_name):
        # Nothing is an option here: each word, --help too, is the command's to understand.
        parser.prefix_chars = '\0'
        words = parser.add_argument('words', nargs='*', help='as of rmw_ckpt')
        words.completer = suggest

    def main(self, *, parser, args):
        try:
            os.execvp('rmw_ckpt', ['rmw_ckpt', *args.words])
        except FileNotFoundError:
            return 'rmw_ckpt is not on the PATH: source the workspace that it was built in'


def suggest(prefix, parsed_args, **_):
    """What may follow, by the command itself."""
    line = ' '.join(['rmw_ckpt', *(parsed_args.words or []), prefix])
    try:
        said = subprocess.run(
            ['rmw_ckpt', f'[suggest:{len(line)}]', line], capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return said.stdout.split()
