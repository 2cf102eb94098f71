"""A certificate authority of the tests, for clients that insist on a certificate they can check."""
import pathlib
import subprocess


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.chain, self.key = self.folder / "authority.pem", self.folder / "authority.key"
        self.openssl("req", "-x509", *self.new_key(self.key), "-subj", "/CN=Authority of the tests",
                     "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
                     "keyUsage=critical,keyCertSign", "-out", self.chain)

    def openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

    def new_key(self, path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                "-keyout", str(path)]

    def certify(self, office, *names):
        """Gives an office that is not yet started a certificate for the names and its address. The
        address also stands as a name: mbsync compares with nothing else."""
        tls = pathlib.Path(office.folder) / "tls"
        extensions = self.folder / "extensions"
        listed = ",".join(f"DNS:{name}" for name in (*names, office.address))
        extensions.write_text(f"subjectAltName={listed},IP:{office.address}\n"
                              "extendedKeyUsage=serverAuth\n")
        request = self.folder / "request.pem"
        self.openssl("req", "-new", *self.new_key(self.folder / "server.key"), "-subj",
                     f"/CN={names[0]}", "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.chain, "-CAkey", self.key,
                     "-set_serial", "2", "-days", "30", "-extfile", extensions, "-out",
                     self.folder / "server.pem")
        # into the files that are there, which keep their owner
        (tls / "certificate.pem").write_bytes((self.folder / "server.pem").read_bytes())
        (tls / "key.pem").write_bytes((self.folder / "server.key").read_bytes())
        return office
