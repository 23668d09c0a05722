"""An ordinary PyTorch program, as people bring it along: it knows nothing of trainup."""

import argparse
import os
import sys

import torch
from torch import nn


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--save", default="outputs/model.pt")
    args = parser.parse_args()

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    targets = (inputs.sum(dim=1, keepdim=True) > 0).float()
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loss_function = nn.BCEWithLogitsLoss()
    for epoch in range(args.epochs):
        for step in range(100):
            optimizer.zero_grad()
            loss = loss_function(model(inputs), targets)
            loss.backward()
            optimizer.step()
            sys.stderr.write(f"\repoch {epoch}: step {step + 1}/100, loss {loss.item():.4f}")  # a progress bar
        sys.stderr.write("\n")
        print(f"Epoch {epoch} finished")
    os.makedirs(os.path.dirname(args.save), exist_ok=True)
    torch.save(model.state_dict(), args.save)
    print(f"Saved to {args.save}")


if __name__ == "__main__":
    main()
