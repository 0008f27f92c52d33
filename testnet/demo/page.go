package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// pages asks for pages over one connection, and returns after some of them.
func (d *driver) pages(ctx context.Context) error {
	conn, err := d.tcp(ctx)
	if err != nil {
		return err
	}
	defer closedWith(ctx, conn)()
	answers := bufio.NewReader(conn)
	for range pagesPerConnection {
		begun := time.Now()
		text, err := d.page(conn, answers)
		if err != nil {
			return err
		}
		if err := d.checkPage(text); err != nil {
			return err
		}
		d.meter.ok(time.Since(begun))
		pause(ctx, pageEvery)
	}
	return nil
}

// page asks for one page.
func (d *driver) page(conn net.Conn, answers *bufio.Reader) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(answerWaitMax)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", d.task.Host.Name); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, pageBytesMax))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("answer %s", resp.Status)
	}
	return string(body), nil
}

// checkPage looks at who answered and at which address that host saw:
// "This is web. You are 198.51.100.1:53533."
func (d *driver) checkPage(text string) error {
	host, public, ok := parsePage(text)
	if !ok {
		return fmt.Errorf("not the page that was asked for: %.60q", text)
	}
	d.meter.saw(public.String())
	if host != d.task.Host.Name {
		d.meter.foreign("a page of " + host + " instead of " + d.task.Host.Name)
		return fmt.Errorf("%s answered instead of %s", host, d.task.Host.Name)
	}
	if len(d.task.Public) > 0 && !slices.Contains(d.task.Public, public.Addr()) {
		d.meter.foreign("seen as " + public.String() + ", which is another gateway's address")
		return fmt.Errorf("seen as %s, which is not an address of its gateway", public)
	}
	return nil
}

func parsePage(text string) (host string, public netip.AddrPort, ok bool) {
	rest, ok1 := strings.CutPrefix(text, "This is ")
	host, rest, ok2 := strings.Cut(rest, ". You are ")
	public, err := netip.ParseAddrPort(strings.TrimSuffix(strings.TrimSpace(rest), "."))
	return host, public, ok1 && ok2 && err == nil
}
