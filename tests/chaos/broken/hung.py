"""An engine that makes no request, and does not end."""

import threading

threading.Event().wait()
