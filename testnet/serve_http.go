package testnet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// http answers
//
//	GET  /           who answers and which address it saw
//	GET  /bytes?n=N  N zero bytes
//	POST /           how many bytes came
func (s *server) http(l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "This is %s. You are %s.\n", s.name, r.RemoteAddr)
	})
	mux.HandleFunc("GET /bytes", download)
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "%d bytes received\n", n)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(s.ctx, func() { server.Close() })
	defer stop()
	return server.Serve(l)
}

var zeros [256 << 10]byte

func download(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
	if err != nil || n < 0 || n > downloadBytesMax {
		http.Error(w, fmt.Sprintf("want /bytes?n=0..%d", int64(downloadBytesMax)), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	for n > 0 {
		k, err := w.Write(zeros[:min(n, int64(len(zeros)))])
		if err != nil {
			return
		}
		n -= int64(k)
	}
}
