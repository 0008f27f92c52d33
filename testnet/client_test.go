package testnet

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// An admin server is reached by any form of its address, and what it complains
// about is the error.
func TestGet(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"Name":"x"}`) })
	mux.HandleFunc("/bad", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such flow", http.StatusNotFound) })
	socket := filepath.Join(t.TempDir(), "s")
	var tcp string
	for _, at := range [][2]string{{"unix", socket}, {"tcp", "127.0.0.1:0"}} {
		l, err := net.Listen(at[0], at[1])
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(mux)
		s.Listener.Close()
		s.Listener = l
		s.Start()
		t.Cleanup(s.Close)
		tcp = l.Addr().String()
	}
	for _, address := range []string{socket, "unix:" + socket, tcp} {
		var got struct{ Name string }
		if err := Get(t.Context(), address, "/good", &got); err != nil || got.Name != "x" {
			t.Errorf("%s: %+v, %v", address, got, err)
		}
		if err := Get(t.Context(), address, "/good", nil); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		err := Get(t.Context(), address, "/bad", &got)
		if err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "no such flow") {
			t.Errorf("%s: error %v", address, err)
		}
	}
	if err := Get(t.Context(), socket+"x", "/good", nil); err == nil {
		t.Error("no error where nobody listens")
	}
}
