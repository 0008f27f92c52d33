package natgw

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"hyperplane/packet"
	"hyperplane/telemetry"
)

const (
	// flowsListedDefault and flowsListedMax bound GET /flows; the list is made
	// on the worker's thread, so it must be short work.
	flowsListedDefault = 100
	flowsListedMax     = 10_000

	// pageWaitMax bounds how long a page waits for the worker.
	pageWaitMax = time.Second
)

// AddPages adds GET /status, GET /flows?limit=N and
// GET /explain?vpc=…&protocol=…&inside=…&remote=… to a role's admin server. All
// answer in JSON.
func (w *Worker) AddPages(a *telemetry.Admin) {
	a.Handle("GET /flows", page(w, func(q url.Values) (any, error) {
		limit := flowsListedDefault
		if s := q.Get("limit"); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 || n > flowsListedMax {
				return nil, fmt.Errorf("limit=%s: want 1 to %d", s, flowsListedMax)
			}
			limit = n
		}
		return w.node.Flows(w.loop.Now(), limit), nil
	}))
	a.Handle("GET /status", page(w, func(url.Values) (any, error) { return w.node.Status(w.loop.Now()), nil }))
	a.Handle("GET /explain", page(w, func(q url.Values) (any, error) {
		query, err := ParseQuery(q.Get("vpc"), q.Get("protocol"), q.Get("inside"), q.Get("remote"))
		if err != nil {
			return nil, err
		}
		return w.node.Explain(w.loop.Now(), query)
	}))
}

// page answers a request by a function that runs on the worker's loop.
func page(w *Worker, answer func(url.Values) (any, error)) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), pageWaitMax)
		defer cancel()
		var result any
		var failed error
		if err := w.loop.Do(ctx, func() { result, failed = answer(r.URL.Query()) }); err != nil {
			http.Error(out, err.Error(), http.StatusServiceUnavailable)
			return
		}
		if failed != nil {
			http.Error(out, failed.Error(), http.StatusBadRequest)
			return
		}
		out.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(out).Encode(result) // fails only when the reader has gone
	})
}

// protocolNames are those of the protocols that a gateway carries.
var protocolNames = map[uint8]string{packet.ProtoTCP: "tcp", packet.ProtoUDP: "udp", packet.ProtoICMP: "icmp"}

// ParseQuery reads a Query from words: protocol is tcp, udp or icmp; inside
// and remote are ADDRESS:PORT, for icmp ADDRESS:ID and ADDRESS.
func ParseQuery(vpc, protocol, inside, remote string) (Query, error) {
	q := Query{VPC: vpc}
	if vpc == "" {
		return q, errors.New("name the VPC: the same address may exist in several")
	}
	for number, name := range protocolNames {
		if name == protocol {
			q.Protocol = number
		}
	}
	if q.Protocol == 0 {
		return q, fmt.Errorf("protocol %q: want tcp, udp or icmp", protocol)
	}
	var err error
	if q.Inside, err = netip.ParseAddrPort(inside); err != nil {
		return q, fmt.Errorf("inside %q: want ADDRESS:PORT (for icmp ADDRESS:ID)", inside)
	}
	if a, e := netip.ParseAddr(remote); e == nil && protocol == "icmp" {
		q.Remote = netip.AddrPortFrom(a, 0)
	} else if q.Remote, err = netip.ParseAddrPort(remote); err != nil {
		return q, fmt.Errorf("remote %q: want ADDRESS:PORT (for icmp ADDRESS)", remote)
	}
	return q, nil
}
