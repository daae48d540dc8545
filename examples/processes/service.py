"""Says hello as a VNC server does (RFC 6143, 7.1.1), and waits for the client to leave."""
import socketserver


class Hello(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"RFB 003.008\n")
        self.request.recv(1)


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 5900), Hello).serve_forever()
