"""A cable between two processes on loopback, which a test can measure, hold, cut and plug in again. TLS passes through it."""

import socket
import threading
from contextlib import suppress

PIECE = 1 << 16


class Wire:
    """Carries what comes in at `port` to `target`, and back. Without a target nobody is there to answer."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.target: int | None = None
        self.carried = 0
        self._limit: int | None = None
        self._state = threading.Condition()
        self._is_open = True
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def hold_after(self, more: int) -> None:
        """Carry that many more bytes towards the target, then none until `release`."""
        with self._state:
            self._limit = self.carried + more

    def wait_held(self, seconds: float) -> None:
        """Until the limit is reached; fails after `seconds`."""
        with self._state:
            assert self._state.wait_for(lambda: self._limit is not None and self.carried >= self._limit, seconds)

    def release(self) -> None:
        with self._state:
            self._limit = None
            self._state.notify_all()

    def close(self) -> None:
        self._is_open = False
        self.release()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while self._is_open:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target or 0), 5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for source, sink, is_counted in ((near, far, True), (far, near, False)):
                thread = threading.Thread(target=self._pump, args=(source, sink, is_counted), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_counted: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                if is_counted:
                    self._count(len(piece))
                sink.sendall(piece)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _count(self, more: int) -> None:
        with self._state:
            self._state.wait_for(lambda: self._limit is None or self.carried < self._limit)
            self.carried += more
            self._state.notify_all()
