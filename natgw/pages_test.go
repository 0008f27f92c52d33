package natgw

import (
	"strings"
	"testing"
)

func TestParseQuery(t *testing.T) {
	for _, c := range []struct{ vpc, protocol, inside, remote, want string }{
		{"blue", "tcp", "10.0.1.10:4000", "203.0.113.10:80", ""},
		{"blue", "icmp", "10.0.1.10:77", "203.0.113.10", ""},
		{"blue", "icmp", "10.0.1.10:77", "203.0.113.10:0", ""},
		{"", "tcp", "10.0.1.10:4000", "203.0.113.10:80", "name the VPC"},
		{"blue", "sctp", "10.0.1.10:4000", "203.0.113.10:80", "want tcp, udp or icmp"},
		{"blue", "tcp", "10.0.1.10", "203.0.113.10:80", "want ADDRESS:PORT"},
		{"blue", "tcp", "10.0.1.10:99999", "203.0.113.10:80", "want ADDRESS:PORT"},
		{"blue", "udp", "10.0.1.10:1", "203.0.113.10", "want ADDRESS:PORT"},
		{"blue", "udp", "10.0.1.10:1", "example.com:80", "want ADDRESS:PORT"},
	} {
		_, err := ParseQuery(c.vpc, c.protocol, c.inside, c.remote)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", c, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%+v: error %v, want %q", c, err, c.want)
		}
	}
}
