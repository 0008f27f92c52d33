package testnet

import (
	"bufio"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// capture writes what passes a part's link to a file until stop is called,
// which returns the file's path. stop may be called when the traffic is over:
// every packet is handed over as it comes. Of each, the first length bytes are
// kept: in this mode the kernel's buffer (64 MB) has a place of that size for
// each packet, so the shorter, the more packets it holds.
func capture(t *testing.T, name, link, length string) (stop func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".pcap")
	cmd := exec.Command("tcpdump", "-i", link, "-w", path, "-Z", "root", "-s", length, "--immediate-mode", "-B", "65536")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := StartIn(name, cmd); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stderr)
	said := ""
	for !strings.Contains(said, "listening on") {
		line, err := lines.ReadString('\n')
		if said += line; err != nil {
			cmd.Wait()
			t.Fatalf("tcpdump in %s does not listen: %v\n%s", name, err, said)
		}
	}
	ended := false
	t.Cleanup(func() {
		if !ended {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return func() string {
		t.Helper()
		ended = true
		cmd.Process.Signal(syscall.SIGINT)
		end, _ := io.ReadAll(lines)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("tcpdump in %s: %v\n%s", name, err, end)
		}
		if !strings.Contains(string(end), "\n0 packets dropped by kernel") {
			t.Fatalf("tcpdump in %s missed packets:\n%s", name, end)
		}
		return path
	}
}

// Lengths for capture.
const (
	wholeFrame = "2000" // of a link whose MTU is 1500 and that cuts superpackets
	jumboFrame = "9100" // of the underlay, where it carries no superpackets
)

// decoded returns fields of the captured packets that match a display filter,
// one packet per line, and of each the first where a packet has several. tshark checks every checksum, which it does not do unasked.
func decoded(t *testing.T, path, filter string, fields ...string) []string {
	t.Helper()
	args := []string{"-n", "-r", path, "-Y", filter, "-T", "fields", "-E", "separator=/s"}
	for _, protocol := range []string{"ip", "tcp", "udp"} { // those of ICMP are always checked
		args = append(args, "-o", protocol+".check_checksum:TRUE")
	}
	for _, f := range append([]string{"frame.number"}, fields...) {
		args = append(args, "-e", f)
	}
	cmd := exec.Command("tshark", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark -Y %q: %v\n%s", filter, err, stderr.String())
	}
	if len(out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// finishChecksums makes the kernel of a part put complete checksums into what
// it sends over a link, and cut superpackets there, as if the next thing were
// a wire.
func finishChecksums(t *testing.T, name, link string) {
	t.Helper()
	err := InNamespace(name, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		value := struct{ cmd, data uint32 }{unix.ETHTOOL_STXCSUM, 0}
		request := struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [16]byte // the kernel's union is larger than a pointer
		}{data: unsafe.Pointer(&value)}
		copy(request.name[:], link)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
		runtime.KeepAlive(&value)
		if errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s: checksum offload of %s: %v", name, link, err)
	}
}
