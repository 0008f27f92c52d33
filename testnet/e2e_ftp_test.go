package testnet

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
)

// curl fetches a file byte for byte from vsftpd in passive mode, by EPSV and by
// PASV: control and data connections leave by one public address (paired
// pooling), which vsftpd insists on. In active mode the server refuses the
// private address that curl names: there is no ALG to rewrite it.
func judgedByFTP(t *testing.T, _ Dir) {
	dir := folder(t)
	for _, d := range []string{"/files", "/empty"} {
		if err := os.Mkdir(dir+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := randomFile(3 << 20)
	put(t, dir+"/files/blob", string(file))
	startProgram(t, "web", nil, "vsftpd", put(t, dir+"/conf", vsftpdConf(dir)))
	listens(t, "web", "tcp", "21")
	for mode, reply := range map[string]string{"--ftp-pasv": "229 Entering Extended Passive Mode", "--disable-epsv": "227 Entering Passive Mode"} {
		out := inside(t, "blue-1", "curl", "-sSvm", "20", mode, "-o", dir+"/got", "ftp://"+web+"/blob")
		want(t, out, reply, "226 Transfer complete.")
		if got, err := os.ReadFile(dir + "/got"); err != nil || !bytes.Equal(got, file) {
			t.Errorf("%s: %d bytes (%v), want the %d that the server has", mode, len(got), err, len(file))
		}
	}
	out, err := insideErr(t, "blue-1", "curl", "-sSvm", "20", "--ftp-port", "-", "-o", dir+"/got", "ftp://"+web+"/blob")
	if want(t, out, "> EPRT |1|10.0.1.10|", "500 Illegal PORT command."); err == nil {
		t.Error("a file came in active mode")
	}
}

// vsftpdConf serves what is in a folder's files to everybody, on web's IPv4 address.
func vsftpdConf(dir string) string {
	return `
listen=YES
listen_address=` + web + `
background=NO
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root=` + dir + `/files
secure_chroot_dir=` + dir + `/empty
xferlog_enable=NO
`
}

// randomFile is a file of which every part is like no other.
func randomFile(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}
