"""What a checkpoint is: columns that describe tensors, structure, sections and modules."""
