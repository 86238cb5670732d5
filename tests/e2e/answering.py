"""An HTTP server of a test's own, on a port that was free."""
import http.server
import threading


class Answering:
    """`answered(request)` says what comes back: (status, text)."""

    def __init__(self):
        answered = self.answered

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, text = answered(self)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text.encode())))
                    self.end_headers()
                    self.wfile.write(text.encode())
                except OSError:
                    pass

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
