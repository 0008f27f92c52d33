package testnet

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Client returns an HTTP client that speaks to an admin server, whatever host
// its URLs name. The address is one that --admin takes, HOST:PORT or
// unix:/PATH, or the path of the socket alone.
func Client(address string) *http.Client {
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok || strings.HasPrefix(address, "/") {
		network, address = "unix", path
	}
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: answerWaitMax}).DialContext(ctx, network, address)
		},
		IdleConnTimeout: time.Second,
	}}
}

// Get gets one page of an admin server, such as "/healthz", and decodes it as
// JSON into the value that into points to, if it is not nil.
func Get(ctx context.Context, address, page string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerWaitMax)
	defer cancel()
	client := Client(address)
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://part"+page, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, problemBytesMax))
		return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
