package events

// AskChart is what an agent asks to get a piece of one of the server's own charts; ChartPiece answers it. Agent and server may be of
// different versions, and what is installed is the server's.
const AskChart = "chart"

// MostOfChart is how many bytes of a chart a piece has at most. As base64 in JSON that is well below what a message may have.
const MostOfChart = 256 << 10

type (
	// ChartQuestion asks for a piece of a chart that is packed, by its digest, which a Lease names.
	ChartQuestion struct {
		Digest string `json:"digest"`
		From   int    `json:"from,omitempty"` // the byte at which the piece begins
	}
	// ChartPiece answers that.
	ChartPiece struct {
		Size  int    `json:"size,omitempty"` // of the whole, packed
		Data  []byte `json:"data,omitempty"`
		Error string `json:"error,omitempty"`
	}
)
