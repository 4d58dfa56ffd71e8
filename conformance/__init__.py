"""What Zibpoort claims, and the runners that show it."""
