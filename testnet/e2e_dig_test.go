package testnet

import (
	"fmt"
	"strings"
	"testing"
)

// dig takes an answer of 4 KB over UDP, which its server's kernel cuts into
// three fragments: to an instance that takes it whole, and to one that does not.
func judgedByDig(t *testing.T, _ Dir) {
	for _, name := range []string{"blue-1", "green-1"} {
		out := inside(t, name, "dig", "+bufsize=4096", "+notcp", "+ignore", "+tries=3", "+time=2", "@"+web, "big.example", "TXT")
		want(t, out, "status: NOERROR", "flags: qr aa rd ra;", "ANSWER: 19,", "udp: 4096", "MSG SIZE  rcvd: 4087")
		for i := range bigTexts {
			want(t, out, fmt.Sprintf("%03d-%s\"", i, strings.Repeat("x", bigText-4)))
		}
	}
}
