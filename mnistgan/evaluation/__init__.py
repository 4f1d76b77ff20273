"""How good are the images of a generator?"""
