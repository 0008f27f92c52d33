package packettest

import (
	"fmt"

	"hyperplane/packet"
	"hyperplane/telemetry/drop"
)

// line6 prints an IPv6 packet, and names why it is none that is carried.
func line6(data []byte) string {
	var v packet.View6
	p := packet.Packet{Data: data, Offload: packet.Offload{Partial: true}}
	r := v.Decode(&p)
	if r == drop.BadOffload { // ICMPv6 and fragments are never partial
		p.Offload = packet.Offload{}
		r = v.Decode(&p)
	}
	if r != drop.None {
		return fmt.Sprintf("IPv6 that is not carried (%s): % x", r, data[:min(len(data), 128)])
	}
	return fmt.Sprintf("IP6 %s > %s: %s of %s, payload %d (class %d, hop limit %d, head %d, len %d): % x",
		v.IP.Src(), v.IP.Dst(), v.Kind, v.Tuple, len(v.IP)-v.HeadLen,
		v.IP.TrafficClass(), v.IP.HopLimit(), v.HeadLen, len(v.IP), v.IP[:min(len(v.IP), 128)])
}
