package testnet

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	web6  = "2001:db8:ffff::10"
	peer6 = "2001:db8:ffff::20"
)

// dualInternet is the topology internet-only with IPv6, two edges and a service.
func dualInternet(t *testing.T) (path string) {
	t.Helper()
	text := string(load(t, "internet-only").Text)
	for old, new := range map[string]string{
		"  network: 172.31.0.0/24\n":            "  network: 172.31.0.0/24\n  services: [{name: dns, address: 172.31.0.53}]\n",
		"  router: 203.0.113.1\n":               "  router: 203.0.113.1\n  router6: 2001:db8:ffff::1\n  transit6: 2001:db8:fffe::/64\n",
		"[198.51.100.0/24]":                     "[198.51.100.0/24, 2001:db8::/36]",
		"{name: web, address: 203.0.113.10}":    `{name: web, address: 203.0.113.10, ipv6_address: "` + web6 + `"}`,
		"{name: peer, address: 203.0.113.20}":   `{name: peer, address: 203.0.113.20, ipv6_address: "` + peer6 + `"}`,
		"state:\n  version: 1\n  cell: empty\n": "state:\n  version: 1\n  cell: empty\n  edges:\n    - {name: edge-1, address: 172.31.0.21}\n    - {name: edge-2, address: 172.31.0.22}\n",
	} {
		if !strings.Contains(text, old) {
			t.Fatalf("the topology internet-only has no %q", old)
		}
		text = strings.Replace(text, old, new, 1)
	}
	path = filepath.Join(t.TempDir(), "dual.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// The internet carries IPv6 as it carries IPv4: its hosts serve on both, names
// lead to both, and what is for a cell is spread over its edges.
func TestInternetIPv6(t *testing.T) {
	dir := bringUp(t, dualInternet(t))
	t.Run("hosts", func(t *testing.T) {
		inside(t, "web", "ping", "-6", "-nc1", "-W5", peer6)
		inside(t, "web", "ping", "-6", "-nc1", "-W5", web6)
		if out := inside(t, "peer", "curl", "-6sfm", "5", "http://["+web6+"]/"); !strings.HasPrefix(out, "This is web. You are ["+peer6+"]:") {
			t.Errorf("page %q", out)
		}
		if out := inside(t, "peer", "curl", "-4sfm", "5", "http://"+web+"/"); !strings.HasPrefix(out, "This is web. You are "+peer+":") {
			t.Errorf("page over IPv4 %q", out)
		}
		for _, network := range []string{"tcp", "udp"} {
			c := dialIn(t, "peer", network, "["+web6+"]:7")
			if _, err := c.Write([]byte("echo")); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 4)
			if _, err := io.ReadFull(c, got); err != nil || string(got) != "echo" {
				t.Errorf("echo over %s: %q, %v", network, got, err)
			}
		}
		dialIn(t, "peer", "tcp", "["+web6+"]:10000")
	})
	t.Run("names", func(t *testing.T) {
		for _, at := range []string{web, web6} {
			for _, way := range []string{"+notcp", "+tcp"} {
				for _, tt := range [][3]string{
					{"web.example", "A", web}, {"web.example", "AAAA", web6}, {"peer.example", "AAAA", peer6},
					{"web.v4.example", "A", web}, {"web.v4.example", "AAAA", ""}, {"ipv4only.arpa", "A", "192.0.0.170\n192.0.0.171"},
				} {
					out := inside(t, "peer", "dig", "+short", "+time=2", way, "@"+at, tt[0], tt[1])
					if strings.TrimSpace(out) != tt[2] {
						t.Errorf("@%s %s %v: %q", at, way, tt, out)
					}
				}
			}
		}
		out := inside(t, "peer", "dig", "+time=2", "@"+web6, "big.example", "TXT") // cut, and asked again over TCP
		want(t, out, "Truncated, retrying in TCP mode", "ANSWER: 19,", "018-x")
	})
	t.Run("service", func(t *testing.T) {
		// Hosts reach it over the underlay, as edges do.
		out := inside(t, "edge-1", "dig", "+short", "+time=2", "@172.31.0.53", "web.example", "AAAA")
		if out != web6+"\n" {
			t.Errorf("the service says %q", out)
		}
		if s := statusOf(t, dir, "dns"); s.Role != RoleService || !s.Healthy || s.State != StateRunning {
			t.Errorf("%+v", s)
		}
		if s := statusOf(t, dir, "web"); s.Address != web || s.Address6 != web6 {
			t.Errorf("%+v", s)
		}
		if text := hyperplane(t, dir, "testnet", "status").stdout; !strings.Contains(text, web+","+web6+" ") {
			t.Errorf("status:\n%s", text)
		}
	})
	t.Run("edges", func(t *testing.T) {
		received := func(edge string) int {
			t.Helper()
			var list []struct {
				Stats map[string]struct{ Packets int } `json:"stats64"`
			}
			out := inside(t, edge, "ip", "-s", "-j", "link", "show", uplink)
			if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 {
				t.Fatalf("%v in %s", err, out)
			}
			return list[0].Stats["rx"].Packets
		}
		before := [2]int{received("edge-1"), received("edge-2")}
		const flows = 64
		for i := range flows {
			c := dialIn(t, "web", "udp", fmt.Sprintf("[2001:db8:100::1]:%d", 1000+i))
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		for i, edge := range []string{"edge-1", "edge-2"} {
			if n := received(edge) - before[i]; n < flows/8 {
				t.Errorf("%s got %d of %d flows", edge, n, flows)
			}
			want(t, inside(t, edge, "ip", "-6", "route"), "blackhole 2001:db8::/36", "default via 2001:db8:fffe::1 dev uplink")
			inside(t, edge, "ping", "-6", "-nc1", "-W5", web6)
		}
	})
}
