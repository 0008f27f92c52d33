package lab

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadiness(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n.notify")
	for range 2 { // a socket left from before is no obstacle
		r, err := listenNotify(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("unixgram", path)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"STATUS=READY=1", "READY=0", "XREADY=1"} {
			if _, err := c.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case <-r.ready:
			t.Error("ready too early")
		default:
		}
		if _, err := c.Write([]byte("STATUS=x\nREADY=1\n")); err != nil {
			t.Fatal(err)
		}
		<-r.ready
		c.Close()
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	if Tail(path) != "" {
		t.Error("a log that is not there")
	}
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"one\n", "one"},
		{strings.Repeat("x\n", 100) + "end", strings.Repeat("x\n", tailLines-1) + "end"},
	} {
		if err := os.WriteFile(path, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := Tail(path); got != tt.want {
			t.Errorf("%q", got)
		}
	}
}
