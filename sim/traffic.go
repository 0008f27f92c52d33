package sim

import (
	"fmt"
	"time"

	"hyperplane/packet"
)

// clientPlan is one program in an instance that opens connections, one after
// the other, and uses them.
type clientPlan struct {
	tenant, instance int
	proto            uint8
	server           int
	port             uint16 // of the server
	ports            int    // how many source ports it uses: few, so that tuples come again
	style            style
}

// style is how a client uses a connection.
type style uint8

const (
	busy   style = iota // short thoughts between requests
	brief               // a request or two, then the next connection
	lazy                // silent for most of the idle time, at times for longer
	steady              // one connection for as long as it lives
	styles
)

// drawClients fills the instances with programs.
func (p *Plan) drawClients(d *dice, o Options) {
	n := d.from(20, 60)
	if o.Clients > n {
		n = o.Clients
	}
	protos := []uint8{packet.ProtoTCP, packet.ProtoTCP, packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDP, packet.ProtoICMP}
	for range n {
		p.Clients = append(p.Clients, clientPlan{
			tenant: d.below(p.tenants), instance: d.below(instancesOfEach),
			proto: protos[d.below(len(protos))], server: d.below(servers),
			port: uint16(80 + d.below(2)), ports: 1 + d.below(3)*2, style: style(d.below(int(styles))),
		})
	}
}

// instance is a tenant's machine with the connections of its programs.
type instance struct {
	name   string
	tenant int
	addr   packet.Addr4
	device *device
	host   *process
	conns  map[packet.Tuple]*conn // by what it sends
}

// client is a program that runs.
type client struct {
	plan  *clientPlan
	n     int
	base  uint16 // its first source port
	at    *instance
	dice  dice
	conn  *conn
	token int32 // of its next act
}

func (w *World) newClients() {
	w.instances = map[string]*instance{}
	var byPlace [][]*instance
	for t := range w.plan.tenants {
		var row []*instance
		for i := range instancesOfEach {
			in := &instance{
				name: fmt.Sprintf("tenant-%d-%d", t+1, i+1), tenant: t,
				addr: instanceBase + packet.Addr4(i), conns: map[packet.Tuple]*conn{},
			}
			w.instances[in.name] = in
			row = append(row, in)
		}
		byPlace = append(byPlace, row)
	}
	next := map[*instance]uint16{}
	for i := range w.plan.Clients {
		pl := &w.plan.Clients[i]
		c := &client{plan: pl, n: i, at: byPlace[pl.tenant][pl.instance], dice: newDice(w.plan.Seed, forClients, uint64(i))}
		c.base = 4000 + next[c.at] // the same ports in both tenants
		next[c.at] += uint16(pl.ports)
		w.clients = append(w.clients, c)
		w.later(c, c.dice.between(200*time.Millisecond, 3*time.Second))
	}
}

// act is a client's turn: it opens a connection, or uses the one it has.
func (w *World) act(c *client, token int32) {
	switch {
	case c.token != token:
	case c.conn == nil:
		w.openConn(c)
	default:
		w.use(c.conn)
	}
}

// later schedules a client's next act, instead of what was scheduled before.
func (w *World) later(c *client, d time.Duration) {
	c.token++
	w.events.push(w.now+d, evClient, int32(c.n), c.token)
}

// thought is how long a client waits before its next request.
func (w *World) thought(x *conn) time.Duration {
	d := &x.client.dice
	switch x.client.plan.style {
	case lazy:
		idle := x.idleTimeout(w.plan)
		if d.below(6) == 0 {
			w.sometimes[IdleTooLong]++
			return idle + idle/4 + d.between(0, 2*time.Second) // the flow is forgotten meanwhile
		}
		return d.between(idle/10, idle*7/10)
	case brief:
		return d.about(50 * time.Millisecond)
	case steady:
		return d.about(700 * time.Millisecond)
	}
	return d.about(250 * time.Millisecond)
}

// requests is how many a client makes before it closes a connection.
func (c *client) requests() int {
	switch c.plan.style {
	case brief:
		return c.dice.from(1, 2)
	case steady:
		return 1 << 20
	case lazy:
		return c.dice.from(1, 5)
	}
	return c.dice.from(5, 60)
}
