package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netns"
)

// blockPrefix begins the names of the tables that Block makes, one for each
// source: so nothing has to be remembered to take one away again.
const blockPrefix = "blocked-"

// Block makes a named namespace drop what comes from a source, before it
// reaches a socket there. What is sent to the source still leaves.
func Block(namespace string, source netip.Addr) error {
	return nftIn(namespace, func(c *nftables.Conn) error {
		table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: blockPrefix + source.String()})
		chain := c.AddChain(&nftables.Chain{
			Table: table, Name: "input", Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter,
		})
		c.FlushChain(chain) // a second time is as the first
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			// ip saddr SOURCE drop
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: source.AsSlice()},
			&expr.Verdict{Kind: expr.VerdictDrop},
		}})
		return nil
	})
}

// Unblock undoes Block, if it was done.
func Unblock(namespace string, source netip.Addr) error {
	return unblock(namespace, func(table string) bool { return table == blockPrefix+source.String() })
}

// UnblockAll undoes Block for all sources.
func UnblockAll(namespace string) error {
	return unblock(namespace, func(table string) bool { return strings.HasPrefix(table, blockPrefix) })
}

func unblock(namespace string, which func(table string) bool) error {
	return nftIn(namespace, func(c *nftables.Conn) error {
		tables, err := c.ListTablesOfFamily(nftables.TableFamilyIPv4)
		if err != nil {
			return err
		}
		for _, t := range tables {
			if which(t.Name) {
				c.DelTable(t)
			}
		}
		return nil
	})
}

// nftIn lets f change the packet filter of a named namespace, all or nothing.
func nftIn(namespace string, f func(c *nftables.Conn) error) error {
	ns, err := netns.GetFromName(namespace)
	if err != nil {
		return fmt.Errorf("namespace %s: %w", namespace, err)
	}
	defer ns.Close()
	c, err := nftables.New(nftables.WithNetNSFd(int(ns)), nftables.AsLasting())
	if err != nil {
		return fmt.Errorf("%s: nftables: %w", namespace, err)
	}
	err = f(c)
	if err == nil {
		err = c.Flush()
	}
	if err = errors.Join(err, c.CloseLasting()); err != nil {
		return fmt.Errorf("%s: nftables (the kernel needs CONFIG_NF_TABLES): %w", namespace, err)
	}
	return nil
}
