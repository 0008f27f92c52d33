package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Admin serves one role's /metrics, /healthz and further pages over HTTP, on
// any number of TCP addresses and Unix sockets.
type Admin struct {
	mux       *http.ServeMux
	server    *http.Server
	listeners []net.Listener
}

// NewAdmin prepares the pages. healthy returns nil while the role serves.
func NewAdmin(reg *prometheus.Registry, healthy func(context.Context) error) *Admin {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), snapshotWaitMax)
		defer cancel()
		if err := healthy(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return &Admin{mux: mux, server: &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}}
}

// Handle adds a page; pattern as in net/http.ServeMux.
func (a *Admin) Handle(pattern string, h http.Handler) { a.mux.Handle(pattern, h) }

// Listen opens "HOST:PORT" or "unix:/PATH". A socket file left by a process
// that is gone is replaced; one that still answers is an error.
func (a *Admin) Listen(address string) error {
	network, target := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, target = "unix", path
		if c, err := net.DialTimeout("unix", path, snapshotWaitMax); err == nil {
			c.Close()
			return fmt.Errorf("--admin %s: another process serves this socket; stop it or choose another path", address)
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("--admin %s: %w", address, err)
		}
	}
	l, err := net.Listen(network, target)
	if err != nil {
		return fmt.Errorf("--admin %s: want HOST:PORT or unix:/PATH: %w", address, err)
	}
	a.listeners = append(a.listeners, l)
	return nil
}

// Serve answers requests until ctx ends.
func (a *Admin) Serve(ctx context.Context) error {
	failed := make(chan error, len(a.listeners))
	for _, l := range a.listeners {
		go func() { failed <- a.server.Serve(l) }()
	}
	select {
	case <-ctx.Done():
	case err := <-failed:
		return fmt.Errorf("admin server: %w", err)
	}
	stop, cancel := context.WithTimeout(context.Background(), snapshotWaitMax)
	defer cancel()
	if err := a.server.Shutdown(stop); err != nil {
		return a.server.Close()
	}
	return nil
}
