"""What makes results: specifications, objectives, the training loop, measurements of gradients."""
