package lab

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// SourceNAT translates what leaves by a link: to the given address, or to the
// link's own (masquerade) if that is not valid.
func (n *Namespace) SourceNAT(link string, to netip.Addr) error {
	c, err := nftables.New(nftables.WithNetNSFd(int(n.fd)))
	if err != nil {
		return fmt.Errorf("%s: nftables: %w", n.Name, err)
	}
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "nat"})
	chain := c.AddChain(&nftables.Chain{
		Table: table, Name: "postrouting", Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	// oifname LINK …
	var name [16]byte
	copy(name[:], link)
	rule := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: name[:]},
	}
	if to.IsValid() { // … snat to ADDRESS
		rule = append(rule,
			&expr.Immediate{Register: 1, Data: to.AsSlice()},
			&expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1},
		)
	} else { // … masquerade
		rule = append(rule, &expr.Masq{})
	}
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: rule})
	if err := c.Flush(); err != nil {
		return fmt.Errorf("%s: nftables rule (the kernel needs CONFIG_NF_TABLES and CONFIG_NFT_NAT): %w", n.Name, err)
	}
	return nil
}
