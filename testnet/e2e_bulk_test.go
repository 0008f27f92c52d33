package testnet

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// bulk is a download that goes on until it is stopped.
type bulk struct {
	conn  *echoConn
	bytes atomic.Int64
	ended chan error
}

func startBulk(t *testing.T, name string) *bulk {
	t.Helper()
	b := &bulk{conn: dialEcho(t, name, "tcp", "", web+":80"), ended: make(chan error, 1)}
	if err := b.conn.send(fmt.Sprintf("GET /bytes?n=%d HTTP/1.0\r\n\r\n", int64(downloadBytesMax))); err != nil {
		t.Fatal(err)
	}
	go func() {
		buf := make([]byte, 1<<20)
		for {
			n, err := b.conn.Read(buf)
			b.bytes.Add(int64(n))
			if err != nil {
				b.ended <- err
				return
			}
		}
	}()
	return b
}

// moves demands another ten megabytes.
func (b *bulk) moves(t *testing.T) {
	t.Helper()
	begun := b.bytes.Load()
	eventually(t, "ten megabytes are downloaded", func() bool {
		select {
		case err := <-b.ended:
			t.Fatalf("the download ended after %d bytes: %v", b.bytes.Load(), err)
		default:
		}
		return b.bytes.Load() >= begun+10<<20
	})
}

func (b *bulk) stop() {
	b.conn.Close()
	<-b.ended
}
