package testnet

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// strongSwan sets up a tunnel from an instance to the internet: both ends find
// the NAT, go on at port 4500, and packets of the tunnel travel as ESP in UDP
// both ways (RFC 3948), before and after keepalives of one byte, from one public
// port. tcpdump sees them in the internet. Its ESP is strongSwan's own
// (kernel-libipsec), so that it needs nothing of the kernel.
func judgedByIPsec(t *testing.T, _ Dir) {
	const near, far = "10.99.1.1", "10.99.2.1"
	dir := folder(t)
	daemon := func(name, connection, ts string) (control func(args ...string) string) {
		files := dir + "/" + name
		if err := os.Mkdir(files, 0o755); err != nil {
			t.Fatal(err)
		}
		socket := "unix://" + files + "/vici"
		conf := put(t, files+"/strongswan.conf", `
charon {
	load = random nonce aes sha1 sha2 hmac kdf openssl kernel-libipsec kernel-netlink socket-default vici
	keep_alive = 1s
	plugins { vici { socket = `+socket+` } }
	filelog { stderr { default = 1 } }
}
swanctl { load = random openssl }
`)
		put(t, files+"/swanctl.conf", "connections { tunnel { "+connection+`
	version = 2
	children { net { `+ts+` } }
} }
secrets { ike { secret = "known to both" } }
`)
		inside(t, name, "ip", "address", "add", map[string]string{"blue-1": near, "web": far}[name]+"/32", "dev", "lo")
		env := []string{"STRONGSWAN_CONF=" + conf}
		// Its pid file has a fixed path: each gets a /run of its own.
		startProgram(t, name, env, "unshare", "--mount", "sh", "-c", "mount -t tmpfs none /run && exec "+ownCopy(t, "/usr/lib/ipsec/charon", files))
		eventually(t, "charon in "+name+" takes commands", func() bool {
			_, err := os.Stat(files + "/vici")
			return err == nil
		})
		swanctl := ownCopy(t, "/usr/sbin/swanctl", files)
		control = func(args ...string) string {
			t.Helper()
			return inside(t, name, append([]string{"env", env[0], swanctl}, append(args, "--uri", socket)...)...)
		}
		control("--load-all", "--noprompt", "--file", files+"/swanctl.conf")
		return control
	}
	server := daemon("web", "local_addrs = "+web+`
	local { auth = psk
	id = web.example }
	remote { auth = psk
	id = blue.example }`, "local_ts = "+far+"\nremote_ts = "+near)
	client := daemon("blue-1", "remote_addrs = "+web+`
	local { auth = psk
	id = blue.example }
	remote { auth = psk
	id = web.example }`, "local_ts = "+near+"\nremote_ts = "+far)
	wire := startProgram(t, "web", nil, "tcpdump", "-lni", hostLink, "udp port 4500")
	wire.prints(t, "listening on")

	want(t, client("--initiate", "--child", "net"), "local host is behind NAT, sending keep alives", "IKE_SA tunnel[1] established", "initiate completed successfully")
	ping := func() { inside(t, "blue-1", "ping", "-nc3", "-i0.1", "-W5", "-I", near, far) }
	ping()
	wire.prints(t, "isakmp-nat-keep-alive")
	ping()

	sas := server("--list-sas")
	seen := regexp.MustCompile(`remote 'blue\.example' @ 198\.51\.100\.1\[(\d+)\]`).FindStringSubmatch(sas)
	if want(t, sas, "TUNNEL-in-UDP", "6 packets"); seen == nil {
		t.Fatalf("the server does not see the client as 198.51.100.1:\n%s", sas)
	}
	there, back := "198.51.100.1."+seen[1]+" > "+web+".4500: ", web+".4500 > 198.51.100.1."+seen[1]+": "
	want(t, wire.output(t), there+"UDP-encap: ESP", back+"UDP-encap: ESP", there+"isakmp-nat-keep-alive")
}

// ownCopy puts a copy of a program into a folder and returns its path. AppArmor, where
// it runs, knows Debian's strongSwan by its path, and lets it read nothing here.
func ownCopy(t *testing.T, program, dir string) string {
	t.Helper()
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, filepath.Base(program))
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
