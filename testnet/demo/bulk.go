package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// downloads fetches /bytes over one connection, again and again.
func (d *driver) downloads(ctx context.Context) error {
	return d.transfers(ctx, func(conn net.Conn, answers *bufio.Reader, size int64) error {
		_, err := fmt.Fprintf(conn, "GET /bytes?n=%d HTTP/1.1\r\nHost: %s\r\n\r\n", size, d.task.Host.Name)
		if err != nil {
			return err
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("answer %s", resp.Status)
		}
		got, err := d.move(conn, io.Discard, resp.Body)
		if err == nil && got != size {
			err = fmt.Errorf("%d bytes came of %d", got, size)
		}
		return err
	})
}

// uploads posts to / over one connection, again and again. The server says
// how much came, so what counts as right has really arrived.
func (d *driver) uploads(ctx context.Context) error {
	return d.transfers(ctx, func(conn net.Conn, answers *bufio.Reader, size int64) error {
		_, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", d.task.Host.Name, size)
		if err != nil {
			return err
		}
		if _, err := d.move(conn, conn, io.LimitReader(zeros{}, size)); err != nil {
			return err
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, pageBytesMax))
		if err != nil {
			return err
		}
		if want := fmt.Sprintf("%d bytes received", size); strings.TrimSpace(string(text)) != want {
			return fmt.Errorf("the server says %.60q, want %q", text, want)
		}
		return nil
	})
}

// transfers repeats one transfer over one connection, in sizes that follow the
// speed, until one fails.
func (d *driver) transfers(ctx context.Context, transfer func(net.Conn, *bufio.Reader, int64) error) error {
	conn, err := d.tcp(ctx)
	if err != nil {
		return err
	}
	defer closedWith(ctx, conn)()
	answers := bufio.NewReader(conn)
	size := int64(transferBytesMin)
	for ctx.Err() == nil {
		begun := time.Now()
		if err := conn.SetDeadline(begun.Add(stallMax)); err != nil {
			return err
		}
		if err := transfer(conn, answers, size); err != nil {
			return err
		}
		took := time.Since(begun)
		d.meter.ok(took)
		size = nextSize(size, took)
	}
	return nil
}

// nextSize aims at transfers of transferAim, at most eight times as large as
// the one before.
func nextSize(size int64, took time.Duration) int64 {
	aim := float64(size) * float64(transferAim) / float64(max(took, time.Microsecond))
	return max(transferBytesMin, min(int64(aim), 8*size, transferBytesMax))
}

// move copies and counts, and gives the connection more time as long as
// something moves. Its own buffer, because io.Copy would use the kernel's
// splice in one direction and a small buffer in the other.
func (d *driver) move(conn net.Conn, to io.Writer, from io.Reader) (int64, error) {
	buf := make([]byte, bulkBufferBytes)
	var total int64
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if deadline := conn.SetDeadline(time.Now().Add(stallMax)); deadline != nil {
				return total, deadline
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return total, err
			}
			total += int64(n)
			d.meter.bytes.Add(uint64(n))
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// zeros is a reader of zero bytes. It leaves the buffer as it is: nothing else
// is ever written to it.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
