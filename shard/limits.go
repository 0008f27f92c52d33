package shard

// What a Table takes. More is a mistake of the caller and panics; cellstate
// refuses a file that would lead to it.
const (
	TableNodesMax = 64 // nodes in a Table: as many as a cell may have
	TableBestMax  = 4  // nodes it names for each slot: primary, secondary, and two to follow
)
