package testnet

import (
	"context"
	"fmt"
	"time"

	"hyperplane/cellstate"
	"hyperplane/testnet/lab"
)

// Cell is what a node says of the cell it is in.
type Cell struct {
	Degraded   bool `json:"degraded"`          // the next loss of a node may break flows
	Members    int  `json:"view_members"`      // nodes that agree to be the cell
	SingleCopy int  `json:"flows_single_copy"` // its flows that no other node has
}

// Whole reports whether so many nodes are the cell and the next loss of one
// breaks nothing, as far as this node knows.
func (c *Cell) Whole(members int) bool {
	return c != nil && !c.Degraded && c.Members == members && c.SingleCopy == 0
}

// awaitCell returns when all flow masters that are to stay are the cell.
func awaitCell(ctx context.Context, dir Dir, s *cellstate.State) error {
	var masters []string
	for _, p := range s.FlowMasters {
		if !p.Drain {
			masters = append(masters, p.Name)
		}
	}
	deadline := time.Now().Add(cellWaitMax)
	for _, name := range masters {
		for {
			c := cellOf(ctx, dir, name)
			if c.Whole(len(masters)) {
				break
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("the nodes are not a cell after %v: %s says %+v, want %d members; see %s", cellWaitMax, name, c, len(masters), dir.log(name))
			}
			time.Sleep(lab.PollEvery)
		}
	}
	return nil
}

// cellOf asks a node; nil if it does not tell.
func cellOf(ctx context.Context, dir Dir, name string) *Cell {
	m, err := Scrape(ctx, dir, name)
	if err != nil {
		return nil
	}
	return m.cell()
}

// cell is nil where nothing is said of a view, as by a node without the role
// of a flow master.
func (m Metrics) cell() *Cell {
	members, told := m["view_members"]
	if !told {
		return nil
	}
	return &Cell{m["degraded"] != 0, int(members), int(m["flows_single_copy"])}
}
