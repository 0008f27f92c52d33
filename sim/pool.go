package sim

// pool holds the bytes of everything that is under way. What is given back is
// overwritten, so that a role which keeps a packet beyond its turn is found out.
type pool struct {
	bufs [][]byte
	free []int32
	used int
}

// take returns a buffer of n bytes and its number.
func (p *pool) take(n int) (int32, []byte) {
	p.used++
	if last := len(p.free) - 1; last >= 0 {
		i := p.free[last]
		p.free = p.free[:last]
		if cap(p.bufs[i]) < n {
			p.bufs[i] = make([]byte, n)
		}
		p.bufs[i] = p.bufs[i][:n]
		return i, p.bufs[i]
	}
	p.bufs = append(p.bufs, make([]byte, n, max(n, 256)))
	return int32(len(p.bufs) - 1), p.bufs[len(p.bufs)-1]
}

func (p *pool) copy(b []byte) int32 {
	i, to := p.take(len(b))
	copy(to, b)
	return i
}

func (p *pool) bytes(i int32) []byte { return p.bufs[i] }

func (p *pool) give(i int32) {
	b := p.bufs[i]
	for j := range b {
		b[j] = 0xdb
	}
	p.free = append(p.free, i)
	p.used--
}
