package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"hyperplane/testnet"
)

// observer looks at the parts of the testnet that is up.
type observer struct {
	dir     testnet.Dir
	begun   time.Time
	meters  []*Meter
	holder  *holder
	clients map[string]*http.Client // of the parts with figures
}

func newObserver(dir testnet.Dir, t *testnet.Topology, meters []*Meter, h *holder) *observer {
	o := &observer{dir: dir, begun: time.Now(), meters: meters, holder: h, clients: map[string]*http.Client{}}
	for _, p := range t.Parts() {
		if hasFigures(p.Role) {
			o.clients[p.Name] = testnet.Client(dir.Admin(p.Name))
			o.clients[p.Name].Timeout = observeWaitMax
		}
	}
	return o
}

func hasFigures(r testnet.Role) bool {
	return r == testnet.RoleNode || r == testnet.RoleEdge || r == testnet.RoleHost
}

func (o *observer) close() {
	for _, c := range o.clients {
		c.CloseIdleConnections()
	}
}

// look takes one snapshot. A part that does not answer has no figures in it.
func (o *observer) look(ctx context.Context) (Snapshot, error) {
	list, err := testnet.Status(ctx, o.dir)
	if err != nil {
		return Snapshot{}, err
	}
	s := Snapshot{Parts: make([]PartState, len(list))}
	flows := make([][]Flow, len(list))
	var wg sync.WaitGroup
	for i, p := range list {
		s.Parts[i] = PartState{Name: p.Name, Role: p.Role, State: p.State, Healthy: p.Healthy}
		if !hasFigures(p.Role) || !p.Healthy {
			continue
		}
		wg.Go(func() {
			s.Parts[i].Traffic = o.metrics(ctx, p.Name)
			if p.Role == testnet.RoleNode {
				flows[i] = o.flows(ctx, p.Name)
			}
		})
	}
	wg.Wait()
	for _, f := range flows {
		s.Flows = append(s.Flows, f...)
	}
	for _, m := range o.meters {
		s.Activity = append(s.Activity, m.Read())
	}
	s.Held = o.holder.read()
	s.At = time.Since(o.begun)
	return s, nil
}

func (o *observer) metrics(ctx context.Context, name string) (c Counters) {
	_ = o.get(ctx, name, "/metrics", func(r io.Reader) (err error) { // no figures then
		c, err = ParseMetrics(r)
		return err
	})
	return c
}

func (o *observer) flows(ctx context.Context, name string) (list []Flow) {
	page := fmt.Sprintf("/flows?limit=%d", flowsAskedMax)
	_ = o.get(ctx, name, page, func(r io.Reader) error { return json.NewDecoder(r).Decode(&list) }) // no flows then
	return list
}

func (o *observer) get(ctx context.Context, name, page string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://part"+page, nil)
	if err != nil {
		return err
	}
	resp, err := o.clients[name].Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", name, resp.Status)
	}
	return read(resp.Body)
}
