package demo

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// names asks for the host's own name over one UDP socket until one question
// is not answered right.
func (d *driver) names(ctx context.Context) error {
	dialer := net.Dialer{LocalAddr: &net.UDPAddr{Port: int(d.task.Local)}}
	var conn net.Conn
	err := d.open(func() (err error) {
		conn, err = dialer.DialContext(ctx, "udp4", netip.AddrPortFrom(d.task.Host.Address, d.ports.dns).String())
		return err
	})
	if err != nil {
		return err
	}
	defer closedWith(ctx, conn)()
	id := uint16(time.Now().UnixMicro())
	buf := make([]byte, 512)
	for ctx.Err() == nil {
		id++
		begun := time.Now()
		query, err := question(id, d.task.Host.Name)
		if err != nil {
			return err
		}
		if err := conn.SetDeadline(begun.Add(answerWaitMax)); err != nil {
			return err
		}
		if _, err := conn.Write(query); err != nil {
			return err
		}
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return err
			}
			got, a, err := answer(buf[:n])
			if err != nil {
				return err
			}
			if got != id {
				continue // a late answer to an earlier question
			}
			if a != d.task.Host.Address {
				return fmt.Errorf("%s.example. is said to be %s", d.task.Host.Name, a)
			}
			break
		}
		d.meter.ok(time.Since(begun))
		pause(ctx, nameEvery)
	}
	return nil
}

// question builds the query for HOST.example.
func question(id uint16, host string) ([]byte, error) {
	name, err := dnsmessage.NewName(host + ".example.")
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	return m.Pack()
}

// answer reads the first address of a reply.
func answer(b []byte) (id uint16, a netip.Addr, err error) {
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil {
		return 0, a, err
	}
	if m.RCode != dnsmessage.RCodeSuccess {
		return m.ID, a, fmt.Errorf("the name server says %v", m.RCode)
	}
	for _, r := range m.Answers {
		if body, ok := r.Body.(*dnsmessage.AResource); ok {
			return m.ID, netip.AddrFrom4(body.A), nil
		}
	}
	return m.ID, a, fmt.Errorf("the name server has no address for the name")
}
