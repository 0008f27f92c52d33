package packet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hyperplane/packet"
	"hyperplane/packet/packettest"
	"hyperplane/telemetry/drop"
)

// What comes out is right in the eyes of Wireshark: each checksum, and no
// malformed part.
func TestTranslateAgainstTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("not supported here: tshark (scripts/packages installs it)")
	}
	var made [][]byte
	for _, data := range seedPackets6() {
		p, _ := inRoom(packet.Packet{Data: data})
		v := decode6(t, &p)
		var out packet.View
		if r := translate4(&v, &p, outerTo4, flow4, 7, &out); r != drop.None {
			t.Fatalf("%s: %s", r, packettest.Line(data))
		}
		made = append(made, p.Data)
	}
	for _, data := range append([][]byte{packettest.UDP(web, pub, packettest.Payload(9), packettest.WithoutUDPChecksum())}, made...) {
		p, room := inRoom(packet.Packet{Data: data})
		v := decode(t, &p)
		var out packet.View6
		if r := translate6(&v, &p, room, outerTo6, flow6, &out); r != drop.None {
			t.Fatalf("%s: %s", r, packettest.Line(data))
		}
		made = append(made, p.Data)
	}
	file := filepath.Join(t.ArtifactDir(), "translated.pcapng")
	if err := os.WriteFile(file, packettest.Pcapng(made...), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("tshark", "-n", "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-T", "fields", "-e", "frame.number", "-e", "ip.checksum.status", "-e", "tcp.checksum.status", "-e", "udp.checksum.status",
		"-e", "icmp.checksum.status", "-e", "icmpv6.checksum.status", "-e", "_ws.malformed").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(lines) != len(made) {
		t.Fatalf("%d lines for %d packets", len(lines), len(made))
	}
	const good, unverified = "1", "2"
	for i, l := range lines {
		fields := strings.Split(l, "\t")
		verified := 0
		for _, status := range strings.Split(strings.Join(fields[1:6], ","), ",") {
			switch status {
			case good:
				verified++
			case "", unverified: // fragments, and what is quoted
			default:
				t.Errorf("a checksum is wrong: %s\n%s", l, packettest.Line(made[i]))
			}
		}
		if verified == 0 && made[i][0]>>4 == 4 || fields[6] != "" {
			t.Errorf("%s\n%s", l, packettest.Line(made[i]))
		}
	}
}
