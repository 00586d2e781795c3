"""Work to money. In: `CostBasis`. Out: `CostEstimate` with its formula. Must not import any other stage."""
