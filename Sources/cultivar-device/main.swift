print("cultivar-device")
