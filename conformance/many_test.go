package conformance

import (
	"errors"
	"fmt"
	"strings"

	"hyperplane/loop"
	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// perTurn is how many packets of "fill" are sent before time goes on: below what one
// source may open in a second.
const perTurn = 200

// fill sends as many packets as it says, each from the source port that follows the
// last, and tells what became of them: "fill 100 INSTANCE PACKET". Fragments have the
// IP identification that follows the last instead.
func (s *script) fill(rest string) ([]string, error) {
	var n int
	var instance string
	if _, err := fmt.Sscan(rest, &n, &instance); err != nil {
		return nil, fmt.Errorf("fill N INSTANCE PACKET: %w", err)
	}
	_, rest, _ = strings.Cut(rest, instance+" ")
	ps, err := s.names.packets(rest, "")
	if err != nil {
		return nil, err
	}
	p := ps[0]
	if packet.IsIPv6(p.Data) {
		return nil, errors.New("fill sends IPv4")
	}
	l4 := packet.UDP(packet.IPv4(p.Data).Payload()) // the ports of TCP stand in the same place
	first := l4.SrcPort()
	seen := map[string]int{}
	var out, back, same, parity, low, up, last int
	for i := range n {
		q := clone(p)
		if ip := packet.IPv4(q.Data); ip.IsFragment() {
			ip.SetID(ip.ID() + uint16(i))
			ip.UpdateChecksum()
		} else {
			setSrcPort(&q, first+uint16(i))
		}
		if i%perTurn == perTurn-1 {
			if err := s.cell.Advance(loop.Tick); err != nil {
				return nil, err
			}
		}
		if err := s.cell.Send(instance, q); err != nil {
			return nil, err
		}
		for _, got := range s.cell.Internet() {
			port := packet.UDP(packet.IPv4(got.Data).Payload()).SrcPort()
			if int(port) > last {
				up++
			}
			last = int(port)
			seen[fmt.Sprintf("%v:%d", packet.IPv4(got.Data).Src(), port)]++
			out++
			if port == first+uint16(i) {
				same++
			}
			if port%2 == (first+uint16(i))%2 {
				parity++
			}
			if port < 1024 {
				low++
			}
		}
		back += len(s.cell.Received(instance))
	}
	lines := []string{fmt.Sprintf("%d of %d reached the internet, from %d public ends", out, n, len(seen))}
	if back > 0 {
		lines = append(lines, fmt.Sprintf("%d answers came back to %s", back, instance))
	}
	if out == 0 {
		return lines, nil
	}
	lines = append(lines, fmt.Sprintf("port kept: %s; parity kept: %s; above the last: %s; below 1024: %s",
		share(same, out), share(parity, out), share(up, out), share(low, out)))
	return lines, nil
}

// share says of how many something is true, in words that no random draw changes.
func share(part, all int) string {
	switch part {
	case 0:
		return "none"
	case all:
		return "all"
	}
	return "some"
}

func setSrcPort(p *packet.Packet, port uint16) {
	ip := packet.IPv4(p.Data)
	packet.UDP(ip.Payload()).SetSrcPort(port)
	if ip.Protocol() == packet.ProtoUDP {
		packet.UDP(ip.Payload()).UpdateChecksum(ip.Src(), ip.Dst())
		return
	}
	packet.TCP(ip.Payload()).UpdateChecksum(ip.Src(), ip.Dst())
}

// each lets every instance that has the packet's source address send it, and then
// the internet answer every one: "each PACKET", a UDP datagram.
func (s *script) each(rest string) ([]string, error) {
	ps, err := s.names.packets(rest, "")
	if err != nil {
		return nil, err
	}
	if packet.IsIPv6(ps[0].Data) {
		return nil, errors.New("each sends IPv4")
	}
	var answers []packet.Packet
	publics := map[packet.Addr4]bool{}
	owner := map[int]string{} // answer → instance
	src := packet.IPv4(ps[0].Data).Src()
	sent := 0
	for _, in := range s.cell.State.Instances {
		if in.Addr != src {
			continue
		}
		sent++
		if err := s.cell.Send(in.Name, clone(ps[0])); err != nil {
			return nil, err
		}
		for _, got := range s.cell.Internet() {
			publics[packet.IPv4(got.Data).Src()] = true
			owner[len(answers)] = in.Name
			answers = append(answers, reverse(clone(got)))
		}
	}
	own, foreign := 0, 0
	for i, a := range answers {
		if err := s.cell.Reply(a); err != nil {
			return nil, err
		}
		for _, in := range s.cell.State.Instances {
			n := len(s.cell.Received(in.Name))
			if in.Name == owner[i] {
				own += n
			} else {
				foreign += n
			}
		}
	}
	return []string{
		fmt.Sprintf("%d of %d reached the internet, from %d public addresses", len(answers), sent, len(publics)),
		fmt.Sprintf("%d answers came to who had asked, %d to others", own, foreign),
	}, nil
}

// reverse turns a UDP datagram into its answer.
func reverse(p packet.Packet) packet.Packet {
	var v packet.View
	if v.Decode(&p) != drop.None {
		return p
	}
	src, dst := v.IP.Src(), v.IP.Dst()
	v.IP.SetSrc(dst)
	v.IP.SetDst(src)
	u := packet.UDP(v.L4)
	from, to := u.SrcPort(), u.DstPort()
	u.SetSrcPort(to)
	u.SetDstPort(from)
	return p // sums do not change when the ends change places
}
