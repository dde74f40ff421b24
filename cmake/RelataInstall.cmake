# Installation is completed together with the consumer example.
