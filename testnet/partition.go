package testnet

import (
	"errors"
	"fmt"

	"hyperplane/testnet/lab"
)

// Partition cuts the underlay between two parts: what b sends no longer
// reaches a's process and, unless oneWay, neither does the reverse. With oneWay
// only what a sends to b is lost. What they send to others still arrives.
func Partition(dir Dir, a, b string, oneWay bool) error {
	pa, pb, err := twoPeers(dir, a, b)
	if err != nil {
		return err
	}
	if err := lab.Block(pb.Namespace(), pa.Address); err != nil || oneWay {
		return err
	}
	return lab.Block(pa.Namespace(), pb.Address)
}

// Heal mends the underlay between two parts, in both directions.
func Heal(dir Dir, a, b string) error {
	pa, pb, err := twoPeers(dir, a, b)
	if err != nil {
		return err
	}
	return errors.Join(lab.Unblock(pa.Namespace(), pb.Address), lab.Unblock(pb.Namespace(), pa.Address))
}

// HealAll mends the underlay between all parts.
func HealAll(dir Dir) error {
	t, err := running(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range t.underlay() {
		errs = append(errs, lab.UnblockAll(p.Namespace()))
	}
	return errors.Join(errs...)
}

// twoPeers finds two different parts on the underlay.
func twoPeers(dir Dir, a, b string) (pa, pb Part, err error) {
	t, err := running(dir)
	if err != nil {
		return pa, pb, err
	}
	if pa, err = t.peer(a); err == nil {
		pb, err = t.peer(b)
	}
	if err == nil && a == b {
		err = fmt.Errorf("%s and %s are one part: want two", a, b)
	}
	return pa, pb, err
}

// peer finds a part on the underlay.
func (t *Topology) peer(name string) (Part, error) {
	return t.find(name, "part on the underlay", func(p Part) bool { return p.Role.onUnderlay() })
}
