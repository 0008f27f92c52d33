package demo

import (
	"errors"
	"net/netip"
	"slices"

	"hyperplane/cellstate"
	"hyperplane/testnet"
)

// Kind is a kind of traffic.
type Kind uint8

const (
	Page     Kind = iota // HTTP GET / over TCP
	Ping                 // ICMP echo
	Name                 // DNS over UDP
	Download             // bulk over TCP
	Upload
	kinds
)

// String returns the word that people use for the kind.
func (k Kind) String() string {
	return [kinds]string{"web page", "ping", "DNS", "download", "upload"}[k]
}

// Bulk reports whether throughput, not time, is the figure of the kind.
func (k Kind) Bulk() bool { return k == Download || k == Upload }

// Task is one stream of traffic that one instance drives.
type Task struct {
	Kind     Kind
	Instance string // the part in whose namespace it runs
	VPC      string
	Inside   netip.Addr // the instance's address
	Host     testnet.Host
	Local    uint16 // the local port, for Ping the identifier
	// Public are the addresses that the other end may see; empty: not known.
	Public []netip.Addr
}

var errNothingToShow = errors.New("this topology has no instance whose route leads to a NAT gateway, or no internet host: the demo has nothing to show; use another with -f")

// Plan says which traffic is driven in a topology, all of it IPv4: every
// instance that has an address for it asks the first two hosts for pages and pings and asks names of the first; one
// instance downloads and another uploads. These two have the same private
// address in different VPCs if there are such.
func Plan(t *testnet.Topology) ([]Task, error) {
	var drivers []*cellstate.Instance
	for _, in := range t.State.Instances {
		if in.Addr != 0 && gatewayOf(in, t) != nil && len(drivers) < driversMax {
			drivers = append(drivers, in)
		}
	}
	if len(drivers) == 0 {
		return nil, errNothingToShow
	}
	var tasks []Task
	add := func(in *cellstate.Instance, k Kind, h testnet.Host, local uint16) {
		task := Task{Kind: k, Instance: in.Name, VPC: in.VPC.Name, Inside: in.Addr.Netip(), Host: h, Local: local}
		for _, a := range gatewayOf(in, t).Public {
			task.Public = append(task.Public, a.Netip())
		}
		tasks = append(tasks, task)
	}
	first := t.Hosts[0]
	for _, in := range drivers {
		add(in, Page, first, pagePort)
		if len(t.Hosts) > 1 {
			add(in, Page, t.Hosts[1], peerPagePort)
		}
		add(in, Ping, first, echoID)
		add(in, Name, first, namePort)
	}
	down, up := twins(drivers)
	add(down, Download, first, bulkPort)
	port := uint16(bulkPort)
	if down == up {
		port++ // one instance cannot use a port twice
	}
	add(up, Upload, first, port)
	return tasks, nil
}

// gatewayOf is the gateway that the instance's packets to the first internet
// host take, nil if none.
func gatewayOf(in *cellstate.Instance, t *testnet.Topology) *cellstate.NATGateway {
	if len(t.Hosts) == 0 {
		return nil
	}
	a, ok := addr4(t.Hosts[0].Address)
	if !ok {
		return nil
	}
	target := in.Subnet.Route(a)
	if target.Kind != cellstate.RouteNAT {
		return nil
	}
	return target.Gateway
}

// twins are two instances with the same address, else the first and the last.
func twins(list []*cellstate.Instance) (a, b *cellstate.Instance) {
	for i, a := range list {
		j := slices.IndexFunc(list[i+1:], func(b *cellstate.Instance) bool { return a.Addr == b.Addr && a.VPC != b.VPC })
		if j >= 0 {
			return a, list[i+1+j]
		}
	}
	return list[0], list[len(list)-1]
}
