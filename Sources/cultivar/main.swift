print("cultivar")
