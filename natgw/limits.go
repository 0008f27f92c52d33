package natgw

const (
	// FlowsMaxDefault is how many flows a node tracks unless told otherwise.
	// At the limit new flows are refused and counted as flow_table_full; those
	// that exist go on. Memory is touched only as flows come.
	FlowsMaxDefault = 1 << 20

	// FlowsMaxLimit bounds what may be asked for: indexes have to fit 31 bits
	// and a node's memory a machine.
	FlowsMaxLimit = 1 << 26

	// answersPerSecond and answersBurst bound the ICMP errors and RSTs a node
	// makes (RFC 1812, section 4.3.2.8), to instances and to the internet each:
	// what is above is not answered, only dropped and counted.
	answersPerSecond = 20_000
	answersBurst     = 2_000

	// answersPerTurnMax is how many answers fit one turn; each has answerLen
	// bytes, the most an ICMP error may have (RFC 1812, section 4.3.2.3).
	answersPerTurnMax = 128
	answerLen         = 576

	// hopBudget is what a packet made here may still travel: node, edge or host.
	hopBudget = 4

	// dropsRemembered is how many recent drops `explain` can look back on.
	dropsRemembered = 256

	// batch is how many packets one turn takes from the wire.
	batch = 256
)
