"""Starts a program as `ros2 launch` does: reads its outputs by pipes, and passes them on with a mark.

The first input line is the order to close the pipes, which `ros2 launch` does some time after it has collected the program;
the end of the input is its own.
"""

import subprocess
import sys
import threading


def pass_on(pipe):
    try:
        for line in pipe:
            print('[launched]', line, end='', flush=True)
    except ValueError:
        pass  # closed


child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
print('launched', child.pid, flush=True)
threading.Thread(target=child.wait, daemon=True).start()
for stream in child.stdout, child.stderr:
    threading.Thread(target=pass_on, args=[stream], daemon=True).start()
if sys.stdin.readline():
    # Not by close(), which waits for the reading thread.
    subprocess.os.close(child.stdout.fileno())
    subprocess.os.close(child.stderr.fileno())
    print('closed', flush=True)
    sys.stdin.read()
subprocess.os._exit(0)
