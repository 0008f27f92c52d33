package demo

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"time"

	"hyperplane/packet"
)

var errNoAnswer = errors.New("no answer")

// pings sends echo requests over one raw socket until one is not answered. A
// raw socket, because the identifier is to be chosen: for an echo it takes the
// place of the port.
func (d *driver) pings(ctx context.Context) error {
	var conn net.PacketConn
	err := d.open(func() (err error) {
		conn, err = net.ListenPacket("ip4:icmp", "0.0.0.0")
		return err
	})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer func() { stop(); conn.Close() }()
	to := &net.IPAddr{IP: d.task.Host.Address.AsSlice()}
	// Distinct over the process' life, so that a late answer is told apart.
	seq := uint16(time.Now().UnixMicro())
	for ctx.Err() == nil {
		seq++
		begun := time.Now()
		if _, err := conn.WriteTo(echoRequest(d.task.Local, seq), to); err != nil {
			return err
		}
		if err := awaitEcho(conn, to.IP, d.task.Local, seq, begun.Add(answerWaitMax)); err != nil {
			return err
		}
		d.meter.ok(time.Since(begun))
		pause(ctx, pingEvery)
	}
	return nil
}

// echoBytes is the size of an echo request: that of ping(8).
const echoBytes = packet.ICMPHeaderLen + 56

func echoRequest(id, seq uint16) []byte {
	b := make([]byte, echoBytes)
	b[0] = packet.ICMPEchoRequest
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], seq)
	packet.ICMP(b).UpdateChecksum()
	return b
}

// awaitEcho waits for one reply. A raw socket gets everything else, too.
func awaitEcho(conn net.PacketConn, from net.IP, id, seq uint16, deadline time.Time) error {
	if err := conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	buf := make([]byte, 2048)
	for {
		n, who, err := conn.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errNoAnswer
		}
		if err != nil {
			return err
		}
		a, ok := who.(*net.IPAddr)
		if ok && a.IP.Equal(from) && isEchoReply(buf[:n], id, seq) {
			return nil
		}
	}
}

func isEchoReply(b []byte, id, seq uint16) bool {
	if len(b) < packet.ICMPHeaderLen {
		return false
	}
	h := packet.ICMP(b)
	return h.Type() == packet.ICMPEchoReply && h.ID() == id && h.Seq() == seq
}
