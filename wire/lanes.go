package wire

import (
	"fmt"

	"golang.org/x/sys/unix"

	"hyperplane/packet"
)

// With Config.Lanes a role receives by three connections that share its port, one
// for each kind of datagram, so that no kind waits behind what another has piled up:
// a flood from the internet delays neither the hellos by which nodes know each other
// to be alive nor the packets of instances, and what an instance sends without end
// does not delay the internet's. A loop takes a batch of each in a turn.
//
// The kernel chooses by a small program that looks at the header
// (SO_ATTACH_REUSEPORT_CBPF). Nothing on the wire changes, and nothing depends on
// the choice but the order in which datagrams are read: all connections decode any.
const (
	laneInternet = iota // packets of VNI 0
	laneInside          // packets of a VPC, and those on their way along the chain
	laneControl         // what the nodes tell each other
	lanes
)

// laneOf is the lane of a datagram with this header.
func laneOf(t *packet.Tunnel) uint8 {
	switch {
	case t.Control():
		return laneControl
	case t.VNI != 0 || t.Stage == packet.StageChain:
		return laneInside
	}
	return laneInternet
}

// Where laneFilter finds what laneOf asks for: see packet.Tunnel.
const (
	offsetVNI   = 4 // and eight reserved bits
	offsetStage = 16
)

// laneFilter is laneOf for the kernel. A datagram that is too short for it ends
// the program with 0, the first lane, where it is counted as what it is.
var laneFilter = [...]unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: offsetStage},
	{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: uint32(packet.StageMessages), Jt: 4},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(packet.StageChain), Jt: 4},
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offsetVNI},
	{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: 1 << 8, Jt: 2},
	{Code: unix.BPF_RET | unix.BPF_K, K: laneInternet},
	{Code: unix.BPF_RET | unix.BPF_K, K: laneControl},
	{Code: unix.BPF_RET | unix.BPF_K, K: laneInside},
}

// attachLanes lets the kernel choose among the sockets that share fd's port, which it
// numbers in the order in which they were bound.
func attachLanes(fd int) error {
	filter := laneFilter
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &program); err != nil {
		return fmt.Errorf("wire: socket option SO_ATTACH_REUSEPORT_CBPF: %w", err)
	}
	return nil
}
